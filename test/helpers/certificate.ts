import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes a certificate for `localhost`, signed by itself, and its key. It guards nothing: both stand here for all to read. */
export async function writeCertificate(folder: string): Promise<{ cert: string; key: string }> {
  const files = { cert: join(folder, 'test-cert.pem'), key: join(folder, 'test-key.pem') }
  await writeFile(files.cert, certificate)
  await writeFile(files.key, privateKey)
  return files
}

export const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwcA+vjc7zxdLBOTz
uSka8c956e02/k866HkSulW9MM2hRANCAAQz9VzHv8hXurZt8TkjNpfOI2l4WNEZ
A7Nst7birz1i8VOL+u5r96KllQpUYXTqjGlbqbNKKZNuaKAIe3oPgxSb
-----END PRIVATE KEY-----
`

/** Valid until 2126. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIULt2ku2akDsruNZuXREStJit1I1MwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA3MjIyM1oYDzIxMjYxMDI4
MDcyMjIzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQz9VzHv8hXurZt8TkjNpfOI2l4WNEZA7Nst7birz1i8VOL+u5r96Kl
lQpUYXTqjGlbqbNKKZNuaKAIe3oPgxSbo2kwZzAdBgNVHQ4EFgQU8vuxWDVTHaQa
s5kTXxw3WQPzv40wHwYDVR0jBBgwFoAU8vuxWDVTHaQas5kTXxw3WQPzv40wDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIgJRPeEJwvcjmzWHL/Q13Xv2ftSEa5uFaf+yuhfPPPApECIQCQP/GnQY5y
Qm9lErFzhGMOpvGBNNNyKZnI6VG7P7fY4w==
-----END CERTIFICATE-----
`
