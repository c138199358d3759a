/** The few requests of man pages. groff_man(7) */

/** Text on its way into roff: backslashes and hyphens are escaped, a dot or quote at the start of a line is no request. */
export const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what is not ASCII is named by its code point
    .replaceAll(/[^\x00-\x7f]/gu, other => `\\[u${other.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`)

export interface PageHead {
  readonly title: string
  readonly section: number
  readonly source: string
  readonly manual: string
}

export interface Part {
  readonly heading: string
  /** Lines of roff. */
  readonly body: string
}

export const page = ({ title, section, source, manual }: PageHead, parts: readonly Part[]): string =>
  [
    `.TH "${escaped(title.toUpperCase())}" ${section} "" "${escaped(source)}" "${escaped(manual)}"`,
    ...parts.filter(({ body }) => body !== '').flatMap(({ heading, body }) => [`.SH ${heading}`, body]),
    '',
  ].join('\n')

export const bold = (text: string): string => `.B ${escaped(text)}`

/** A name and what it is, the second indented. */
export const item = (name: string, text: string): string => `.TP\n\\fB${escaped(name)}\\fR\n${paragraphs(text)}`

export const paragraphs = (text: string): string =>
  text
    .trim()
    .split(/\n{2,}/)
    .map(paragraph => escaped(paragraph).replaceAll('\n', '\n.br\n'))
    .join('\n.PP\n')
