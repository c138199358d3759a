/** What somebody may have meant who mistyped a word. */

/** More than this many slips, and it is another word. */
const MOST_SLIPS = 2

/** The likeliest of the known words; undefined: none is like it. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let fewest = Math.min(MOST_SLIPS, Math.floor(word.length / 2)) + 1
  for (const candidate of known) {
    const slips = distance(word, candidate)
    if (slips < fewest) [best, fewest] = [candidate, slips]
  }
  return best
}

/** Letters to insert, leave out, exchange or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const exchanged = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1])
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, exchanged)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j] ?? 0, (before[j - 2] ?? 0) + 1)
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}
