/** Options of overlay mounts. See Documentation/filesystems/overlayfs.rst. */

/**
 * What a kernel may be built or loaded to do by default, and what makes an upper folder unfit to become a layer: folders that were
 * renamed and only say where they came from (redirect_dir), files with a status and no content (metacopy), hard links that are
 * known by an index beside the folder. Every kernel that skiff runs on has the three words, whatever it was built with.
 */
export const PLAIN_UPPER = 'redirect_dir=off,metacopy=off,index=off'
