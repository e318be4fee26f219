import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MasterKeyProblem, openSecretBox } from '../../src/keys/master-key.ts'
import { createSecretBox, masterKey, SealBroken, sealedWith, secretContext } from '../../src/keys/secret-box.ts'
import { runNode } from '../helpers/cli.ts'

const plain = Buffer.from('sk_live_not_a_real_one')
const owner = { secretId: 'sec_1', keyId: 'key_1', organizationId: 'org_1' }
const context = secretContext(owner)
const newKey = () => masterKey(randomBytes(32))
const base64 = () => randomBytes(32).toString('base64')

describe('secret box', () => {
  const current = newKey()
  const box = createSecretBox(current)

  it('opens what it has sealed, and the ciphertext shows nothing of it', () => {
    const sealed = box.seal(plain, context)
    expect(box.open(sealed, context)).toEqual(plain)
    expect(sealed.includes(plain)).toBe(false)
    expect(sealed.includes(Buffer.from(current.bytes))).toBe(false)
  })

  it('takes a fresh nonce for each secret: the same one twice makes two ciphertexts', () => {
    const sealed = Array.from({ length: 100 }, () => box.seal(plain, context).subarray(9, 21).toString('hex'))
    expect(new Set(sealed).size).toBe(100)
  })

  it.each([
    ['another secret', { ...owner, secretId: 'sec_2' }],
    ['another key', { ...owner, keyId: 'key_2' }],
    ['another organization', { ...owner, organizationId: 'org_2' }],
  ])('does not open a ciphertext that was moved to %s', (_what, moved) => {
    expect(() => box.open(box.seal(plain, context), secretContext(moved))).toThrow(SealBroken)
  })

  it('does not open a ciphertext with any one byte changed, cut off or added', () => {
    const sealed = box.seal(plain, context)
    for (const at of sealed.keys()) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => box.open(changed, context), `byte ${at}`).toThrow(SealBroken)
    }
    for (const length of [0, 1, 9, 36, sealed.length - 1]) {
      expect(() => box.open(sealed.subarray(0, length), context), `length ${length}`).toThrow(SealBroken)
    }
    expect(() => box.open(Buffer.concat([sealed, Buffer.of(0)]), context)).toThrow(SealBroken)
  })

  it('names the master key in the ciphertext by a hash of it, and opens those of retired ones', () => {
    const sealed = box.seal(plain, context)
    expect(sealedWith(sealed)).toBe(current.id)
    expect(current.id).toMatch(/^[0-9a-f]{16}$/)
    const next = createSecretBox(newKey(), [current])
    expect(next.open(sealed, context)).toEqual(plain)
    expect(sealedWith(next.seal(plain, context))).toBe(next.masterKeyId)
    expect(next.masterKeyIds).toEqual([next.masterKeyId, current.id])
  })

  it('says which master key is missing, and what to do', () => {
    const sealed = box.seal(plain, context)
    expect(() => createSecretBox(newKey()).open(sealed, context)).toThrow(
      new RegExp(`${current.id}.*SALLYPORT_MASTER_KEY_OLD`),
    )
  })

  it('derives boxes that open nothing of each other, and the same one for the same salt', () => {
    const derived = box.derive('idempotency', 'abc')
    const sealed = derived.seal(plain, context)
    expect(createSecretBox(current).derive('idempotency', 'abc').open(sealed, context)).toEqual(plain)
    for (const other of [
      box,
      box.derive('idempotency', 'abd'),
      box.derive('other', 'abc'),
      derived.derive('idempotency', 'abc'),
    ]) {
      expect(() => other.open(sealed, context)).toThrow(SealBroken)
    }
    expect(createSecretBox(newKey(), [current]).derive('idempotency', 'abc').open(sealed, context)).toEqual(plain)
  })

  it('takes no master key of another length', () => {
    expect(() => masterKey(randomBytes(31))).toThrow('32 bytes')
  })
})

describe('master keys', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-master-key-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const fresh = () => join(folder, `${randomBytes(6).toString('hex')}.db.key`)

  it('come from SALLYPORT_MASTER_KEY, or from the file that SALLYPORT_MASTER_KEY_FILE names', async () => {
    const text = base64()
    const file = fresh()
    await writeFile(file, `${text}\n`)
    const byText = openSecretBox({ env: { SALLYPORT_MASTER_KEY: text }, inUse: [] }).box
    const byFile = openSecretBox({ env: { SALLYPORT_MASTER_KEY_FILE: file }, inUse: [] }).box
    expect(byFile.open(byText.seal(plain, context), context)).toEqual(plain)
  })

  it('are made next to the store where there are none, with mode 0600, and found again', async () => {
    const file = fresh()
    const { box } = openSecretBox({ env: {}, file, inUse: [] })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const again = openSecretBox({ env: {}, file, inUse: [box.masterKeyId] })
    expect([again.box.masterKeyId, again.missing]).toEqual([box.masterKeyId, []])
    const names = await readdir(folder)
    expect(names.filter((name) => join(folder, name).startsWith(file))).toEqual([basename(file)])
  })

  it('take others’ rights away from a file that got them', async () => {
    const file = fresh()
    await writeFile(file, base64())
    await chmod(file, 0o644)
    openSecretBox({ env: {}, file, inUse: [] })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('that are retired still open what they have sealed: from SALLYPORT_MASTER_KEY_OLD, and from the file of the store', () => {
    const file = fresh()
    const first = openSecretBox({ env: {}, file, inUse: [] }).box
    const [old, text] = [base64(), base64()]
    const second = openSecretBox({ env: { SALLYPORT_MASTER_KEY: old }, inUse: [] }).box
    const env = { SALLYPORT_MASTER_KEY: text, SALLYPORT_MASTER_KEY_OLD: ` ${old} , ${base64()},` }
    const { box, missing } = openSecretBox({
      env,
      file,
      inUse: [first.masterKeyId, second.masterKeyId, 'feedfeedfeedfeed'],
    })
    expect(box.open(first.seal(plain, context), context)).toEqual(plain)
    expect(box.open(second.seal(plain, context), context)).toEqual(plain)
    expect(missing).toEqual(['feedfeedfeedfeed'])
  })

  it('are not made anew where the store has secrets that a new one could not open', async () => {
    const file = fresh()
    const open = () => openSecretBox({ env: {}, file, inUse: ['feedfeedfeedfeed'] })
    expect(open).toThrow(/feedfeedfeedfeed.*Set SALLYPORT_MASTER_KEY/)
    await expect(stat(file)).rejects.toThrow('ENOENT')
  })

  const text = base64()
  it.each<[string, NodeJS.ProcessEnv, RegExp]>([
    [
      'text that is no base64',
      { SALLYPORT_MASTER_KEY: `${text.slice(0, -2)}!=` },
      /^SALLYPORT_MASTER_KEY is not 32 bytes.*openssl rand/,
    ],
    ['text that is too short', { SALLYPORT_MASTER_KEY: randomBytes(16).toString('base64') }, /openssl rand -base64 32/],
    ['hexadecimal', { SALLYPORT_MASTER_KEY: randomBytes(32).toString('hex') }, /openssl rand -base64 32/],
    [
      'a bad retired one',
      { SALLYPORT_MASTER_KEY: text, SALLYPORT_MASTER_KEY_OLD: `${text},x` },
      /^key 2 in SALLYPORT_MASTER_KEY_OLD/,
    ],
    ['both variables', { SALLYPORT_MASTER_KEY: text, SALLYPORT_MASTER_KEY_FILE: '/x' }, /Keep one of them/],
    ['a file that is not there', { SALLYPORT_MASTER_KEY_FILE: '/nowhere/key' }, /can't read the file \/nowhere\/key/],
    ['nothing, without a place to keep one', {}, /SALLYPORT_MASTER_KEY/],
  ])('that are wrong are refused with what to do: %s', (_what, env, message) => {
    const open = () => openSecretBox({ env, inUse: [] })
    expect(open).toThrow(MasterKeyProblem)
    expect(open).toThrow(message)
    for (const secret of Object.values(env)) {
      if (secret !== undefined && secret.length > 40) expect(open).not.toThrow(secret)
    }
  })

  it('that several processes make at once are one', async () => {
    const file = fresh()
    const script = join(folder, 'open.ts')
    const module = new URL('../../src/keys/master-key.ts', import.meta.url)
    await writeFile(
      script,
      `import { openSecretBox } from ${JSON.stringify(module.href)}
process.stdout.write(openSecretBox({ env: {}, file: ${JSON.stringify(file)}, inUse: [] }).box.masterKeyId)`,
    )
    const ended = await Promise.all(Array.from({ length: 6 }, () => runNode([script], folder)))
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(ended.map(() => [0, '']))
    expect(new Set(ended.map(({ stdout }) => stdout)).size).toBe(1)
    expect(Buffer.from(await readFile(file, 'utf8'), 'base64')).toHaveLength(32)
  })
})
