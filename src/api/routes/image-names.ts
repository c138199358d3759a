/** What the images of listed containers are called now: a name may have gone, or to another image. */

import type { Container } from '../../containers/types.ts'
import type { ImageId, Images } from '../../images/types.ts'

/** As a user may have written it → as images list it: `docker.io/library/busybox` → `busybox:latest`. */
function familiar(name: string): string {
  const short = name.replace(/^(docker\.io\/|index\.docker\.io\/)/, '').replace(/^library\//, '')
  return /[:@][^/]*$/.test(short) ? short : `${short}:latest`
}

/** Looks each image up once. The function it returns gives the name a container was created with, or the image's id. */
export async function currentNames(
  images: Images,
  ids: ImageId[],
): Promise<(container: Pick<Container, 'imageId' | 'config'>) => string> {
  const unique = [...new Set(ids)]
  const found = await Promise.all(unique.map(async id => [id as string, await images.find(id)] as const))
  const byId = new Map(found)
  return ({ imageId, config }) => {
    const image = byId.get(imageId)
    const names = [...(image?.repoTags ?? []), ...(image?.repoDigests ?? [])]
    const byItsId = imageId.replace('sha256:', '').startsWith(config.image.replace('sha256:', ''))
    return byItsId || names.includes(familiar(config.image)) ? config.image : imageId
  }
}
