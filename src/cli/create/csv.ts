/** One record of comma-separated values, quotes as in RFC 4180: what --mount and --network take. */

/** @throws Error when quotes do not match */
export function csvFields(text: string): string[] {
  const fields: string[] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/gy
  while (pattern.lastIndex <= text.length) {
    const match = pattern.exec(text)
    if (!match) throw new Error('parse error on line 1: bare " in non-quoted-field')
    fields.push(match[1] !== undefined ? match[1].replaceAll('""', '"') : (match[2] ?? ''))
    if (match[3] === '') break
  }
  return fields
}
