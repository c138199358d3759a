/** Real servers in containers of the services image, and their own clients on the machine and on another host. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Spec } from './containers.ts'
import type { Engine } from './engine.ts'
import type { OtherHost } from './network.ts'

const run = promisify(execFile)

const service = (Cmd: string[], HostConfig: object, more: object = {}): Spec => ({
  Image: 'services',
  StopSignal: 'SIGKILL',
  Cmd,
  HostConfig,
  ...more,
})

/** redis-server without a file, for clients from anywhere. Port 6379. */
export const redis = (HostConfig: object, more: object = {}): Spec =>
  service(['redis-server', '--save', '', '--protected-mode', 'no', '--bind', '0.0.0.0'], HostConfig, {
    ExposedPorts: { '6379/tcp': {} },
    ...more,
  })

/** nginx as Debian configures it: /var/www/html on port 80. */
export const nginx = (HostConfig: object, more: object = {}): Spec =>
  service(['nginx', '-g', 'daemon off;'], HostConfig, { ExposedPorts: { '80/tcp': {} }, ...more })

/** mariadb with its data in /var/lib/mysql, which is filled when it is empty. User and database are `app`. Port 3306. */
export const mariadb = (HostConfig: object, more: object = {}): Spec =>
  service(
    [
      'sh',
      '-c',
      `install -d -o mysql /run/mysqld
       [ -d /var/lib/mysql/mysql ] || mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=normal >/dev/null
       printf 'CREATE DATABASE IF NOT EXISTS app;\\nGRANT ALL ON app.* TO app@"%%" IDENTIFIED BY "app";\\n' >/tmp/init.sql
       chmod 644 /tmp/init.sql
       exec mariadbd --user=mysql --bind-address=0.0.0.0 --init-file=/tmp/init.sql --innodb-buffer-pool-size=8M`,
    ],
    HostConfig,
    { ExposedPorts: { '3306/tcp': {} }, ...more },
  )

export interface Client {
  /** Runs a program of the services image; rejects if it fails. Answers what it printed, without the last end of line. */
  run(...command: string[]): Promise<string>
}

/** The image's programs as the machine's own: in its root file system, outside of every container. `id`: a container of it. */
export async function hostClient(engine: Engine, id: string): Promise<Client> {
  const root = await rootOf(engine, id)
  return { run: async (...command) => (await run('chroot', [root, ...command])).stdout.trimEnd() }
}

/** The same on another host. */
export async function remoteClient(engine: Engine, id: string, host: OtherHost): Promise<Client> {
  const root = await rootOf(engine, id)
  return { run: async (...command) => (await host.run(['chroot', root, ...command])).trimEnd() }
}

/** Where the image lies unpacked. */
async function rootOf(engine: Engine, id: string): Promise<string> {
  const { root } = await engine.api.get(`/containers/${id}/explain`, { format: 'json' })
  return root.layers[0]
}
