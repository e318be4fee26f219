import { z } from 'zod'
import { address, anyText, list, nonEmptyList, onlyTrue, text } from './values.ts'

const mapping = z.strictObject({
  role: z.enum(['owner', 'admin', 'engineer', 'viewer']).optional().describe('Role in the organization.'),
  organization: anyText('the slug or id of an organization').optional().describe('Its slug or id.'),
  root: onlyTrue().optional().describe('Instead of the two: above every organization.'),
})

const oidc = z.strictObject({
  issuer: text(
    'URL',
    /^(https:\/\/[^\s?#]+|http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/[^\s?#]*)?)$/,
    'is not an issuer; write its https URL as it stands in its discovery document',
  )
    .refine((written) => URL.canParse(written), 'is not a URL')
    .describe('The identity provider.'),
  client_id: anyText('the id of a client').min(1, 'is empty').describe('What the provider calls this gateway.'),
  client_secret: anyText('the secret of the client')
    .min(1, 'is empty; leave the line out for a public client')
    .optional()
    .describe(`Best from the environment: \${OIDC_CLIENT_SECRET}.`),
  redirect_url: text(
    'URL',
    /^https?:\/\/[^\s?#]+\/auth\/oidc\/callback$/,
    'must be a URL that ends in /platform/auth/oidc/callback',
  )
    .refine((written) => URL.canParse(written), 'is not a URL')
    .optional()
    .describe(
      'Where the provider sends browsers back to, as they see it. Left out: /platform/auth/oidc/callback at admin.listen.',
    ),
  scopes: nonEmptyList(anyText('the name of a scope'))
    .default(['openid', 'email', 'profile'])
    .describe('What is asked for.'),
  role_claim: anyText('the name of a claim')
    .min(1, 'is empty')
    .default('groups')
    .describe('The claim with a text or a list of texts that role_mapping names; realm_access.roles goes one deeper.'),
  role_mapping: z
    .record(z.string(), mapping, 'must be a map of claim values to roles')
    .default({})
    .describe('What each value of the claim gives. Somebody unknown whom nothing is given is refused.'),
})

/** The part of gateway.yaml about the admin plane. */
export const adminSchema = z.strictObject({
  listen: address().prefault('127.0.0.1:9090').describe('Health, metrics and administration. Keep it private.'),
  hosts: list(
    text('host name', /^[A-Za-z0-9.-]+$/, 'is not a host name; write it without port, for example admin.example.com'),
  )
    .default([])
    .describe(
      'Names that browsers may use for it, besides localhost, addresses of this machine and the one of listen.',
    ),
  oidc: oidc.optional().describe('Log-in with an identity provider.'),
})
