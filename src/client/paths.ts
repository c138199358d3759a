/** Names in the API's paths. */

/** Escapes what would end a path; the slashes, colons and @ of image names stay, as all routes of images take them. */
export const segment = (name: string): string =>
  encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@')
