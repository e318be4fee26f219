import { describe, expect, it } from 'vitest'
import { isPublicAddress } from '../../src/webhooks/address.ts'
import { targetProblem } from '../../src/webhooks/target.ts'

describe('an address that a webhook may go to', () => {
  it.each(['1.1.1.1', '8.8.8.8', '93.184.216.34', '172.15.255.255', '172.32.0.1', '100.63.255.255', '223.255.255.255'])(
    'is public: %s',
    (address) => expect(isPublicAddress(address)).toBe(true),
  )
  it.each(['2606:4700:4700::1111', '2a00:1450:4001:81b::200e'])('is public: %s', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  )

  it.each([
    ['unspecified', '0.0.0.0'],
    ['of "this network"', '0.1.2.3'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['of a carrier’s NAT', '100.64.0.1'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['link-local, where clouds keep credentials', '169.254.169.254'],
    ['for protocol assignments', '192.0.0.8'],
    ['for documentation', '192.0.2.1'],
    ['for documentation', '198.51.100.1'],
    ['for documentation', '203.0.113.1'],
    ['6to4 relay', '192.88.99.1'],
    ['for benchmarks', '198.19.0.1'],
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['IPv4-mapped', '::ffff:127.0.0.1'],
    ['IPv4-mapped, of a public one too', '::ffff:8.8.8.8'],
    ['IPv4-mapped in hexadecimal', '::ffff:7f00:1'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['NAT64 of a local prefix', '64:ff9b:1::7f00:1'],
    ['6to4 of a private one', '2002:a00:1::'],
    ['6to4', '2002:808:808::1'],
    ['Teredo', '2001:0:53aa:64c:0:0:0:0'],
    ['ORCHID', '2001:20::1'],
    ['for documentation', '2001:db8::1'],
    ['for documentation', '3fff::1'],
    ['unique local', 'fd00:ec2::254'],
    ['unique local', 'fc00::1'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['public with a zone', '2606:4700:4700::1111%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['no address', 'example.com'],
    ['no address', ''],
    ['no plain address', '0x7f.1'],
    ['no plain address', '127.1'],
  ])('is not %s: %s', (_, address) => expect(isPublicAddress(address)).toBe(false))
})

describe('the URL of a webhook', () => {
  it.each([
    'https://example.com/hook',
    'https://example.com:8443/a?b=c',
    'https://8.8.8.8/',
    'https://[2606:4700::1]/',
  ])('may be %s', (url) => expect(targetProblem(url, false)).toBeUndefined())

  it.each([
    ['an address in decimal', 'https://2130706433/'],
    ['an address in octal', 'https://0177.0.0.1/'],
    ['an address in hexadecimal', 'https://0x7f000001/'],
    ['a short address', 'https://127.1/'],
    ['an address in full-width digits', 'https://１２７.０.０.１/'],
    ['an address with a dot behind it', 'https://127.0.0.1./'],
    ['a private address', 'https://10.1.2.3/'],
    ['the metadata of a cloud', 'https://169.254.169.254/latest'],
    ['loopback in IPv6', 'https://[::1]/'],
    ['a mapped address', 'https://[::ffff:10.0.0.1]/'],
    ['localhost', 'https://localhost/'],
    ['localhost with a dot', 'https://LOCALHOST./'],
    ['a name below localhost', 'https://a.localhost/'],
    ['a name of the network', 'https://printer.local/'],
    ['plain http', 'http://example.com/'],
    ['credentials', 'https://user:pass@example.com/'],
    ['a fragment', 'https://example.com/#x'],
    ['another scheme', 'ftp://example.com/'],
    ['no host', 'https:///'],
    ['no URL', 'example.com/hook'],
    ['too long a URL', `https://example.com/${'a'.repeat(2048)}`],
  ])('may not be %s', (_, url) => expect(targetProblem(url, false)).toBeTypeOf('string'))

  it('may be private and plain where webhooks.allow_private says so, but still no other scheme', () => {
    expect(targetProblem('http://127.0.0.1:9000/hook', true)).toBeUndefined()
    expect(targetProblem('http://localhost/hook', true)).toBeUndefined()
    expect(targetProblem('file:///etc/passwd', true)).toBeTypeOf('string')
    expect(targetProblem('http://user:pass@localhost/', true)).toBeTypeOf('string')
  })
})
