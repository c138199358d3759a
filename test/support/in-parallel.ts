/** Runs `count` tasks, `clients` of them at a time. */
export async function inParallel(
  count: number,
  clients: number,
  task: (number: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const client = async () => {
    while (next < count) await task(next++)
  }
  await Promise.all(Array.from({ length: clients }, client))
}
