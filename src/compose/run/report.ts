/** What a command tells of its progress. */

export interface Report {
  /** `Container demo-web-1`, `Network demo_default`. */
  readonly id: string
  /** Creating, Created, … */
  readonly text: string
  /** Nothing more follows of this id for now. */
  readonly done: boolean
  readonly failed?: boolean
}

/** What commands of compose have around them: everything but the engine and the project. */
export interface Surroundings {
  report(report: Report): void
  warn(message: string): void
  /** Written into labels. */
  readonly version: string
  /** No new operation begins once it is aborted. */
  readonly signal?: AbortSignal
}

/** Reports the beginning and the end of what is done. */
export async function reported<T>(
  around: Surroundings,
  id: string,
  begins: string,
  ends: string,
  act: () => Promise<T>,
): Promise<T> {
  around.report({ id, text: begins, done: false })
  try {
    const result = await act()
    around.report({ id, text: ends, done: true })
    return result
  } catch (error) {
    around.report({ id, text: 'Error', done: true, failed: true })
    throw error
  }
}
