import { Alert, Anchor, Button, Checkbox, Code, CopyButton, Group, Loader, Stack, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import { Link, useLocation } from 'wouter'
import type { Schema } from '../../api/client.ts'
import { useHold } from '../../api/held.ts'
import { StatusCode } from '../../components/badges.tsx'
import { Icon } from '../../components/icon.tsx'
import { save } from '../../components/secret-once.tsx'
import { curlLine, secretFile } from '../keys/curl-line.ts'
import { type Row, useFirstRequest } from './use-first-request.ts'

/** A line to copy, and what came of it a moment later. */
export function RequestStep({
  organizationId,
  keyId,
  created,
  settings,
  onAnother,
  onThrough,
}: {
  organizationId: string
  keyId: string
  /** undefined: the page was loaded again since, and its secret is gone. */
  created: Schema<'ApiKeyCreatedResponse'> | undefined
  settings: Schema<'Settings'>
  onAnother: () => void
  /** A request has come through. */
  onThrough: () => void
}) {
  const [, go] = useLocation()
  const [isStored, setStored] = useState(false)
  const { row, stray, state } = useFirstRequest(organizationId, keyId)
  const isThrough = row !== undefined && row.code === null
  // biome-ignore lint/correctness/useExhaustiveDependencies: once is enough
  useEffect(() => {
    if (isThrough) onThrough()
  }, [isThrough])
  const secret = created?.raw_key ?? undefined
  useHold(secret !== undefined, isStored)
  const line =
    curlLine(secret ?? '<your key>', settings) ??
    `curl -H "Authorization: Bearer ${secret ?? '<your key>'}" https://<the gateway>${settings.me_path}`
  const toRow = (of: Row): string => `/o/${organizationId}/requests?request=${of.id}`

  return (
    <Stack gap="md">
      <Text size="sm">
        Run this in a terminal. It asks the gateway whose key it is, which needs no scope.
        {settings.data_url !== null && ' Where a proxy stands in front of the gateway, take its address instead.'}
      </Text>
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }} data-testid="curl">
        {line}
      </Code>
      <Group gap="xs">
        <CopyButton value={line}>
          {({ copied, copy }) => (
            <Button onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} />} autoFocus>
              {copied ? 'Copied' : 'Copy the line'}
            </Button>
          )}
        </CopyButton>
        {created !== undefined && secret !== undefined && (
          <>
            <CopyButton value={secret}>
              {({ copied, copy }) => (
                <Button variant="default" onClick={copy}>
                  {copied ? 'Copied' : 'Copy the key alone'}
                </Button>
              )}
            </CopyButton>
            <Button
              variant="default"
              leftSection={<Icon name="download" />}
              onClick={() => save(secret, secretFile(created.key.name))}
            >
              Download the key
            </Button>
          </>
        )}
      </Group>
      {secret === undefined ? (
        <Text size="sm">
          The key itself was shown once, before this page was loaded again: put it in where the line says so.{' '}
          <Anchor component="button" type="button" size="sm" onClick={onAnother}>
            Make another key
          </Anchor>
        </Text>
      ) : (
        <Text size="sm" className="quiet">
          The key is shown here and never again. Store it where only those can read it who need it.
        </Text>
      )}
      <div aria-live="polite">
        {row === undefined ? <Waiting isLost={state === 'lost'} stray={stray} /> : <Seen row={row} to={toRow(row)} />}
      </div>
      {secret !== undefined && (
        <Checkbox
          label="I have stored the key"
          checked={isStored}
          onChange={(event) => setStored(event.currentTarget.checked)}
        />
      )}
      <Group gap="xs">
        <Button
          variant={row === undefined ? 'default' : 'filled'}
          disabled={secret !== undefined && !isStored}
          onClick={() => go(`/o/${organizationId}?range=1h`)}
        >
          {row === undefined ? 'Leave it for later' : 'To the overview'}
        </Button>
      </Group>
    </Stack>
  )
}

function Waiting({ isLost, stray }: { isLost: boolean; stray: Row | undefined }) {
  return (
    <Stack gap="xs">
      <Group gap="sm" wrap="nowrap">
        <Loader size="xs" type="dots" aria-hidden="true" />
        <Text size="sm">
          {isLost
            ? 'The live view is broken off; the log is asked every few seconds instead.'
            : 'Waiting for the first request with this key. It shows here by itself.'}
        </Text>
      </Group>
      {stray !== undefined && (
        <Alert color="yellow" title="A request came, but not with this key">
          <Text size="sm">
            <span className="mono">
              {stray.method} {stray.path}
            </span>{' '}
            was answered {stray.status_code} <span className="mono">{stray.code}</span>. Copy the whole line, with the
            key in it.
          </Text>
        </Alert>
      )}
    </Stack>
  )
}

function Seen({ row, to }: { row: Row; to: string }) {
  const isThrough = row.code === null
  return (
    <Alert
      color={isThrough ? 'teal' : 'yellow'}
      title={isThrough ? 'We saw your first request' : 'We saw your request, and it was refused'}
      icon={<Icon name={isThrough ? 'check' : 'warning'} />}
      data-testid="first-request"
    >
      <Stack gap="xs">
        <Group gap="xs">
          <StatusCode status={row.status_code} />
          <Text size="sm" className="mono" style={{ overflowWrap: 'anywhere' }}>
            {row.method} {row.path}
          </Text>
          <Text size="sm" className="numbers">
            {row.duration_ms < 1 ? 'under 1' : Math.round(row.duration_ms)} ms, from {row.ip}
          </Text>
        </Group>
        {!isThrough && (
          <Text size="sm">
            The reason is <span className="mono">{row.code}</span>. The request itself tells more, step by step.
          </Text>
        )}
        <Anchor component={Link} href={to} size="sm">
          Look at the request
        </Anchor>
      </Stack>
    </Alert>
  )
}
