/** Certificates for tests, made with openssl: an authority, and what it has signed. */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificate {
  /** Paths, PEM. */
  certificate: string
  key: string
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Signs itself. */
export async function makeAuthority(folder: string, name = 'ca'): Promise<Certificate> {
  const files = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  const subject = ['-subj', `/CN=skiff test ${name}`, '-days', '2']
  await run('openssl', ['req', '-x509', ...NEW_KEY, ...subject, '-keyout', files.key, '-out', files.certificate])
  return files
}

/** @param address what a client asks for: an IP address */
export async function makeCertificate(
  folder: string,
  name: string,
  authority: Certificate,
  address = '127.0.0.1',
): Promise<Certificate> {
  const files = { certificate: join(folder, `${name}.cert`), key: join(folder, `${name}.key`) }
  const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)]
  await writeFile(extensions, `subjectAltName=IP:${address}\n`)
  await run('openssl', ['req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', files.key, '-out', request])
  const signer = ['-CA', authority.certificate, '-CAkey', authority.key, '-CAcreateserial']
  await run('openssl', [
    ...['x509', '-req', '-in', request, ...signer, '-days', '2', '-extfile', extensions, '-out', files.certificate],
  ])
  return files
}
