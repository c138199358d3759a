/**
 * What `skiff doctor` finds out about a host. Vocabulary:
 *   finding    one fact that skiff depends on, as it is here
 *   problem    something that people use will not work
 *   warning    it works, with a limit that one should know
 */

export type Verdict = 'ok' | 'warning' | 'problem'

export interface Finding {
  /** What was looked at: `kernel`, `overlay`, … */
  readonly subject: string
  readonly verdict: Verdict
  /** What is the case. */
  readonly found: string
  /** What follows for who uses skiff here; '' when all is well. */
  readonly consequence: string
  /** A command, or what to do; '' when there is nothing to mend. */
  readonly remedy: string
}

export const ok = (subject: string, found: string): Finding => ({
  subject,
  verdict: 'ok',
  found,
  consequence: '',
  remedy: '',
})

type Trouble = Pick<Finding, 'found' | 'consequence'> & Partial<Pick<Finding, 'remedy'>>

export const warning = (subject: string, trouble: Trouble): Finding => ({
  subject,
  verdict: 'warning',
  remedy: '',
  ...trouble,
})

export const problem = (subject: string, trouble: Trouble): Finding => ({
  subject,
  verdict: 'problem',
  remedy: '',
  ...trouble,
})

/** What the checks need to know of the daemon's configuration. */
export interface Subject {
  readonly dataRoot: string
  readonly execRoot: string
  /** `unix://…` and others. */
  readonly hosts: readonly string[]
  readonly group: string
  /** 'none': no bridges are wanted. */
  readonly bridge: string
  /** The firewall table that is our own. */
  readonly table: string
}
