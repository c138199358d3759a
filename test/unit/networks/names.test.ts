import { decode, encode, type Packet } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { NameDirectory } from '../../../src/networks/names/directory.ts'
import { datagramLimit, Resolver } from '../../../src/networks/names/resolver.ts'

const nobody = () => Promise.reject(new Error('no server'))
const query = (name: string, type: 'A' | 'AAAA' | 'PTR' | 'MX' = 'A') =>
  encode({ type: 'query', id: 4711, questions: [{ name, type }] })

function front(): {
  directory: NameDirectory
  resolver: Resolver
  ask: (name: string, type?: 'A' | 'AAAA' | 'PTR' | 'MX') => Promise<Packet>
} {
  const directory = new NameDirectory()
  const add = (containerId: string, ipv4: string, names: string[], networkId = 'n1') =>
    directory.add({ networkId, networkName: 'front', containerId, ipv4, ipv6: '', names })
  add('c1', '172.18.0.2', ['web', 'app'])
  add('c2', '172.18.0.3', ['Db', 'app'])
  add('c3', '172.19.0.2', ['other'], 'n2')
  const resolver = new Resolver(directory, () => ['n1'])
  return {
    directory,
    resolver,
    ask: async (name, type) => decode((await resolver.answer(query(name, type), nobody)) as Buffer),
  }
}

const data = (packet: Packet) => packet.answers?.map(answer => ('data' in answer ? answer.data : null))

describe('names of containers', () => {
  it('are found without regard to case, with and without the network behind them', async () => {
    const { ask } = front()
    expect(data(await ask('web'))).toEqual(['172.18.0.2'])
    expect(data(await ask('WEB.front'))).toEqual(['172.18.0.2'])
    expect(data(await ask('db'))).toEqual(['172.18.0.3'])
  })

  it('take turns when several share an alias', async () => {
    const { ask } = front()
    expect(data(await ask('app'))).toEqual(['172.18.0.2', '172.18.0.3'])
    expect(data(await ask('app'))).toEqual(['172.18.0.3', '172.18.0.2'])
  })

  it('exist without having every kind of record', async () => {
    const { ask } = front()
    expect(await ask('web', 'AAAA')).toMatchObject({ answers: [], rcode: 'NOERROR' })
    expect(await ask('web', 'MX')).toMatchObject({ answers: [], rcode: 'NOERROR' })
  })

  it('are found by address', async () => {
    const { ask } = front()
    expect(data(await ask('3.0.18.172.in-addr.arpa', 'PTR'))).toEqual(['Db.front'])
  })

  it('of other networks, and of containers that have gone, are asked for outside', async () => {
    const { ask, directory } = front()
    expect(await ask('other')).toMatchObject({ rcode: 'SERVFAIL' })
    directory.remove('n1', 'c1')
    expect(await ask('web')).toMatchObject({ rcode: 'SERVFAIL' })
    expect(data(await ask('app'))).toEqual(['172.18.0.3'])
  })

  it('are answered with the question’s number; noise is not answered', async () => {
    const { directory } = front()
    const resolver = new Resolver(directory, () => ['n1'])
    expect((await resolver.answer(query('web'), nobody))?.readUInt16BE(0)).toBe(4711)
    expect(await resolver.answer(Buffer.from('noise'), nobody)).toBeNull()
  })

  it('outside come back byte for byte', async () => {
    const resolver = new Resolver(new NameDirectory(), () => [])
    const answer = Buffer.from('whatever the server said')
    expect(await resolver.answer(query('debian.org'), () => Promise.resolve(answer))).toBe(answer)
  })
})

it('says of an answer that a datagram has no room for that there is more', async () => {
  const { directory, resolver } = front()
  const add = (number: number) =>
    directory.add({
      networkId: 'n1',
      networkName: 'front',
      containerId: `many${number}`,
      ipv4: `172.18.1.${number}`,
      ipv6: '',
      names: ['many'],
    })
  for (let number = 1; number <= 100; number++) add(number)
  const ask = async (more: object, limit?: typeof datagramLimit) => {
    const answer = await resolver.answer(encode({ ...decode(query('many')), ...more } as Packet), nobody, limit)
    return { bytes: answer?.length ?? 0, packet: decode(answer as Buffer) }
  }
  const short = await ask({}, datagramLimit)
  expect(short.bytes).toBeLessThanOrEqual(512)
  expect([short.packet.flag_tc, short.packet.answers?.length]).toEqual([true, 24])
  const edns = { additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] }] }
  for (const { packet } of [await ask(edns, datagramLimit), await ask({})])
    expect([packet.flag_tc, packet.answers?.length]).toEqual([false, 100])
})
