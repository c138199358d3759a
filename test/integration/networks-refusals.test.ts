/** What cannot be had of networks, ports and volumes: typed at both engines, which must answer in the same words. */

import { createServer } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { openCommand } from '../support/cli.ts'
import { normalise } from '../support/compare.ts'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { startNetworkedDaemon } from '../support/network.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

let skiff: Engine
let docker: Engine
let prefix = ''
beforeAll(async () => {
  const daemon = await startNetworkedDaemon()
  prefix = daemon.addresses.free.replace(/\.$/, '')
  skiff = daemon
  docker = await startReferenceEngine()
  await importBusybox(docker)
  for (const engine of [skiff, docker]) {
    await type(engine, `network create --subnet ${prefix}.0/25 taken`)
    await type(engine, 'run -d --name runs --network taken busybox sleep 100000')
    await type(engine, 'create --name idle busybox')
    await type(engine, 'volume create held')
    await type(engine, 'create --name holds -v held:/held busybox')
  }
})

const type = async (engine: Engine, line: string): Promise<string> => {
  const words = line.split(' ').map(word => word.replace(/^'|'$/g, '').replaceAll('PREFIX', prefix))
  const { code, stderr } = await openCommand([...engine.command, ...words]).result
  return `${code} ${normalise(stderr, engine).replaceAll('docker', 'ENGINE').replaceAll('skiff', 'ENGINE').trim()}`
}

const LINES = `
network create --subnet PREFIX.128/25 --gateway 192.0.2.1 other
network create --subnet PREFIX.128/25 --ip-range 192.0.2.0/26 other
network create --subnet PREFIX.128/25 --gateway nonsense other
network create --ip-range PREFIX.128/26 other
network create --gateway PREFIX.129 other
network create --subnet PREFIX.128/25 --gateway PREFIX.128 other
network create --subnet PREFIX.128/25 --gateway PREFIX.255 other
network create --subnet PREFIX.128/25 --aux-address x=PREFIX.129 other
network create --subnet PREFIX.128/31 other
network create --subnet PREFIX.128/26 --subnet PREFIX.192/26 other
network create -o com.docker.network.driver.mtu=nonsense other
network create -o com.docker.network.driver.mtu=-1 other
network create -o com.docker.network.bridge.enable_icc=nonsense other
network create -o com.docker.network.bridge.enable_ip_masquerade=nonsense other
network create -o com.docker.network.bridge.host_binding_ipv4=nonsense other
network create -o com.docker.network.bridge.name=lo other
network create --config-from nonsense other
network create default
network ls --filter dangling=nonsense
network ls --filter type=nonsense
network prune -f --filter until=nonsense
network create -d macvlan -o parent=lo other
network create -d macvlan -o parent=nonsense other
network create -d macvlan -o parent=nonsense.5 other
network create -d macvlan -o parent=nonsense.x other
network create -d macvlan -o parent=lo.5000 other
network create -d macvlan -o macvlan_mode=nonsense other
network create -d host other
network create -d null other
network create taken
network create --subnet PREFIX.0/25 taken
run --rm --network taken --ip PREFIX.0 busybox true
run --rm --network taken --ip PREFIX.127 busybox true
run --rm --network taken --ip PREFIX.1 busybox true
network create bridge
network create host
network create
network rm nonsense
network rm taken
network rm bridge
network rm host
network inspect nonsense
network connect nonsense runs
network connect taken nonsense
network connect taken runs
network connect host runs
network connect none runs
network disconnect nonsense runs
network disconnect taken nonsense
network disconnect bridge runs
network disconnect host runs
create --network taken --ip nonsense busybox
create --network container:nonsense busybox
create --network container:runs -p 80:80 busybox
create --network container:runs --expose 80 busybox true
create --network container:runs --hostname x busybox true
create --network container:runs --dns 192.0.2.1 busybox
create --network container:runs --add-host x:192.0.2.1 busybox
create --network container:runs --link idle busybox
create --network host --link idle busybox true
create --network host --network-alias x busybox
create --mac-address nonsense busybox
create -p nonsense busybox
create -p 80:nonsense busybox
create -p 70000:80 busybox
create -p 80:70000 busybox
create -p 80:80/nonsense busybox
create -p 8000-8005:80-82 busybox
create -p 8005-8000:80 busybox
create -p 256.0.0.1:80:80 busybox
create -p nonsense:80:80 busybox
create -p 1:2:3:4 busybox
create -p : busybox
create -p '' busybox
create --expose nonsense busybox
create --link nonsense busybox
create --link nonsense:x busybox
create --dns nonsense busybox
create --add-host nonsense busybox
create --add-host x:nonsense busybox
create -v /a:b busybox
create -v /a:/b:nonsense busybox
create -v /a:/b:ro:rw busybox
create -v /a:/b:ro,rw busybox
create -v /a:/b:z,Z busybox
create -v a:b:c:d busybox
create -v ../a:/b busybox
create -v x!:/b busybox
create -v /:/ busybox
create -v /a:/ busybox
create -v /a:/b -v /c:/b busybox
create -v x:/b:shared busybox
create -v /a:/b:nocopy busybox
create --mount nonsense busybox
create --mount type=nonsense,target=/x busybox
create --mount type=bind,source=/nonsense,target=/x busybox
create --mount type=bind,source=relative,target=/x busybox
create --mount type=bind,target=/x busybox
create --mount type=bind,source=/tmp busybox
create --mount type=volume busybox
create --mount type=volume,source=x,target=x busybox
create --mount type=tmpfs,source=x,target=/x busybox
create --mount type=tmpfs,target=/x,tmpfs-size=nonsense busybox
create --mount type=tmpfs,target=/x,tmpfs-mode=nonsense busybox
create --mount type=tmpfs,target=/x,bind-propagation=shared busybox
create --mount type=volume,target=/x,bind-propagation=shared busybox
create --mount type=bind,source=/tmp,target=/x,bind-propagation=nonsense busybox
create --mount type=bind,source=/tmp,target=/x,volume-nocopy=true busybox
create --mount type=volume,source=x,target=/x,volume-nocopy=nonsense busybox
create --mount type=volume,target=/x,readonly=nonsense busybox
create --mount type=volume,target=/x,nonsense=1 busybox
create --tmpfs relative busybox
create --volumes-from nonsense busybox
create --volumes-from '' busybox true
create --volumes-from runs:rw:x busybox true
create --volumes-from runs:nonsense busybox
volume create x!
volume create -d nonsense x
volume create -o nonsense=1 x
volume create -o type=nfs x
volume rm held
volume rm nonsense
volume inspect nonsense
port nonsense
port runs 80
`
  .trim()
  .split('\n')

test.each(LINES)('%s', async line => {
  const [ours, theirs] = await Promise.all([type(skiff, line), type(docker, line)])
  expect(ours).toBe(theirs)
})

const IP_OUTSIDE =
  '1 Error response from daemon: invalid config for network taken: invalid endpoint settings:\nno configured subnet contains IP address 192.0.2.1'
const OVERLAP = '1 Error response from daemon: invalid pool request: Pool overlaps with other one on this address space'
const NO_PLUGIN = '1 Error response from daemon: could not find plugin nonsense in v1 plugin registry: plugin not found'
const USER_DEFINED =
  '1 Error response from daemon: user specified IP address is supported on user defined networks only'
const BAD_FILTER = "1 Error response from daemon: invalid filter 'nonsense'"
const badSubnet = (subnet: string) =>
  `1 Error response from daemon: invalid network config:\ninvalid subnet ${subnet}: invalid CIDR block notation`

/** Where the daemon of Debian 12 (20.10) says less, or nothing before the start: skiff says what the one of API 1.47 says. */
test.each([
  ['network create --subnet PREFIX.0/26 other', OVERLAP],
  ['network create --subnet PREFIX.0/24 other', OVERLAP],
  ['network create --subnet nonsense other', badSubnet('nonsense')],
  ['network create --subnet 192.0.2.0/33 other', badSubnet('192.0.2.0/33')],
  ['network create -d nonsense other', NO_PLUGIN],
  ['network create --ipam-driver nonsense other', NO_PLUGIN],
  ['network connect --ip 192.0.2.1 taken idle', IP_OUTSIDE],
  ['create --network taken --ip 192.0.2.1 busybox', IP_OUTSIDE],
  ['create --ip PREFIX.7 busybox', USER_DEFINED],
  ['create --network bridge --ip PREFIX.7 busybox', USER_DEFINED],
  [
    'run --rm --network nonsense busybox',
    "125 ENGINE: Error response from daemon: network nonsense not found\n\nRun 'ENGINE run --help' for more information",
  ],
  ['create -v : busybox', "1 Error response from daemon: invalid volume specification: ':'"],
  ['create --tmpfs /x:nonsense busybox', '1 Error response from daemon: invalid tmpfs option ["nonsense"]'],
  ['volume ls --filter nonsense=1', BAD_FILTER],
  ['network ls --filter nonsense=1', BAD_FILTER],
  ['network prune -f --filter nonsense=1', BAD_FILTER],
])('%s', async (line, words) => {
  expect(await type(skiff, line)).toBe(words)
})

test('a port that a process of the machine has', async () => {
  const server = createServer().listen(0, '0.0.0.0')
  disposeLater(async () => void server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const said = await type(skiff, `run --name late -p ${port}:80 busybox true`)
  expect(said).toMatch(
    new RegExp(
      `^125 ENGINE: Error response from daemon: driver failed programming external connectivity on endpoint late \\(ID\\): failed to bind host port: listen tcp4 0\\.0\\.0\\.0:${port}: bind: address already in use`,
    ),
  )
})
