/** A netlink socket and its kernel: what is asked for in great numbers is answered, all of it. */

import { expect, test } from 'vitest'
import { deleteLink, getLink } from '../../../src/netlink/link.ts'
import { NetlinkSocket } from '../../../src/netlink/socket.ts'
import { BackgroundNetlink } from '../../../src/networks/background-netlink.ts'

/** More than the socket has room for, if each is answered by an error. */
const MANY = 1000
const absent = Array.from({ length: MANY }, (_, index) => deleteLink(`skiff-no${index}`))

test('a thousand requests that all fail are each told so, and the socket works on', async () => {
  using socket = NetlinkSocket.open()
  for (const answers of [socket.attempt(...absent), await socket.attemptInBackground(...absent)]) {
    expect(answers).toHaveLength(MANY)
    for (const [index, error] of answers.entries()) expect(error?.message).toContain(`skiff-no${index})`)
  }
  expect(getLink(socket, 'lo')?.index).toBe(1)
})

test('what is asked for at the same time is answered to who asked for it', async () => {
  const background = new BackgroundNetlink()
  const asked = await Promise.all(
    absent.map(async (request, index) => ({ index, answers: await background.attempt(request, request) })),
  )
  for (const { index, answers } of asked) {
    expect(answers).toHaveLength(2)
    for (const error of answers) expect(error?.message).toContain(`skiff-no${index})`)
  }
})
