/**
 * A name server for the outside world of a test: `node dns-server.mjs ADDRESS`. outside.example is 192.0.2.7, big.example is too
 * long for a datagram, everything else does not exist. Says `ready` when it listens.
 */

import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { decode, encode, streamDecode, streamEncode, TRUNCATED_RESPONSE } from 'dns-packet'

const NXDOMAIN = 3
const address = process.argv[2]

function answer(query, tcp) {
  const { id, questions } = query
  const { name, type } = questions[0]
  const reply = { type: 'response', id, questions, flags: 0x180, answers: [] }
  const known = name.toLowerCase()
  if (known === 'outside.example') {
    if (type === 'A') reply.answers.push({ type, name, ttl: 1, data: '192.0.2.7' })
  } else if (known === 'big.example') {
    if (tcp) reply.answers.push({ type: 'TXT', name, ttl: 1, data: Array.from({ length: 20 }, () => 'x'.repeat(200)) })
    else reply.flags |= TRUNCATED_RESPONSE
  } else {
    reply.flags |= NXDOMAIN
  }
  return reply
}

const udp = createSocket('udp4')
udp.on('message', (data, { port, address: from }) => udp.send(encode(answer(decode(data), false)), port, from))
udp.bind(53, address, () => {
  createServer(socket => {
    let pending = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', data => {
      pending = Buffer.concat([pending, data])
      const query = streamDecode(pending)
      if (query) socket.write(streamEncode(answer(query, true)))
    })
  }).listen(53, address, () => console.log('ready'))
})
