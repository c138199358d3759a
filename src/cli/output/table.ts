/** Text in aligned columns, laid out as Go's text/tabwriter does with Docker's settings. */

const MIN_WIDTH = 10
const PADDING = 3

/**
 * Aligns the cells of lines; a cell ends with a tab, and what follows a line's last tab is not padded.
 * A column goes on as long as neighbouring lines have it.
 */
export function align(
  text: string,
  { minWidth = MIN_WIDTH, padding = PADDING }: { minWidth?: number; padding?: number } = {},
): string {
  const lines = text.split('\n').map(line => line.split('\t'))
  const widths = lines.map(cells => new Array<number>(cells.length - 1))
  for (let column = 0; widths.some(row => row.length > column); column++) {
    let start = 0
    while (start < lines.length) {
      let end = start
      let width = minWidth
      for (; (widths[end]?.length ?? 0) > column; end++) width = Math.max(width, length(lines[end]?.[column]) + padding)
      for (let line = start; line < end; line++) widths[line]?.fill(width, column, column + 1)
      start = Math.max(end, start + 1)
    }
  }
  return lines.map((cells, line) => cells.map((cell, i) => pad(cell, widths[line]?.[i])).join('')).join('\n')
}

// Counting letters takes most of the time of a long list: only what has surrogates differs.
const length = (text = ''): number => (/[\ud800-\udfff]/.test(text) ? [...text].length : text.length)

const pad = (text: string, width: number | undefined): string =>
  width === undefined ? text : text + ' '.repeat(Math.max(0, width - length(text)))
