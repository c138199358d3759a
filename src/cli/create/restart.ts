/** --restart no|always|unless-stopped|on-failure[:retries]. */

export interface RestartPolicy {
  readonly Name: string
  readonly MaximumRetryCount: number
}

/** @throws Error in Docker's words */
export function restartPolicy(text: string): RestartPolicy {
  const [Name = '', count, ...rest] = text.split(':')
  if (text !== '' && Name === '') throw new Error('invalid restart policy format: no policy provided before colon')
  if (rest.length > 0 || (count !== undefined && !/^-?\d+$/.test(count)))
    throw new Error('invalid restart policy format: maximum retry count must be an integer')
  return { Name, MaximumRetryCount: Number(count ?? 0) }
}
