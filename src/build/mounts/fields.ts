/** `--mount=type=cache,target=/x,…` as it is written: comma-separated fields, quoted where a value has commas. */

export function mountFields(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const field of csv(text)) {
    const equals = field.indexOf('=')
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase()
    fields.set(key, equals < 0 ? '' : field.slice(equals + 1))
  }
  return fields
}

/** RFC 4180, one line. */
function csv(line: string): string[] {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!
    if (quoted && char === '"' && line[at + 1] === '"') field += line[++at]
    else if (char === '"') quoted = !quoted
    else if (char === ',' && !quoted) {
      fields.push(field)
      field = ''
    } else field += char
  }
  return [...fields, field].filter(text => text !== '')
}
