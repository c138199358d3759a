/** JSON laid out for reading, from its text: numbers and the order of keys stay as the daemon sent them. */

const INDENT = '    '

/** Four spaces a level; empty objects and arrays on one line. */
export function indentJson(json: string, level = 0): string {
  let depth = level
  let output = ''
  const newline = () => `\n${INDENT.repeat(depth)}`
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}[\],:]|[^\s{}[\],:"]+/gs)) {
    if (/^[{[]\s*[}\]]$/.test(token)) output += token.charAt(0) + token.charAt(token.length - 1)
    else if (token === '{' || token === '[') {
      depth++
      output += token + newline()
    } else if (token === '}' || token === ']') {
      depth--
      output += newline() + token
    } else if (token === ',') output += `,${newline()}`
    else output += token === ':' ? ': ' : token
  }
  return output
}
