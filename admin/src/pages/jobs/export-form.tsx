import { Input, NumberInput, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSettings } from '../../api/session.tsx'
import { Form } from '../../components/form-drawer.tsx'
import { useOrder } from '../keys/bulk.ts'
import { useOwners } from '../keys/use-owners.ts'
import { rangeQuery, TimeRange } from '../requests/time-range.tsx'

interface Props {
  readonly organizationId: string
  readonly onClose: () => void
  readonly onOrdered: (jobId: string) => void
}

type Format = 'csv' | 'jsonl'

/** Orders a file with keys: what stands in their list, never a secret. */
export function ExportKeys({ organizationId, onClose, onOrdered }: Props) {
  const order = useOrder(organizationId)
  const environments = useSettings().data?.environments ?? []
  const { accounts } = useOwners(organizationId)
  const [format, setFormat] = useState<Format>('csv')
  const [status, setStatus] = useState<string | null>(null)
  const [environment, setEnvironment] = useState<string | null>(null)
  const [owner, setOwner] = useState<string | null>(null)
  const [q, setSearch] = useState('')
  const run = async (): Promise<void> => {
    const params = {
      format,
      ...(status !== null && { status: status as 'active' | 'expired' | 'revoked' }),
      ...(environment !== null && { environment }),
      ...(owner !== null && { owner }),
      ...(q.trim() !== '' && { q: q.trim() }),
    }
    onOrdered(await order({ type: 'key_export', params }))
  }
  return (
    <Form action="Export" run={run} onCancel={onClose}>
      {(problem) => (
        <>
          <Text size="sm" className="quiet">
            Everything that the list of keys shows, as a file that you can fetch for seven days. No secret is in it.
          </Text>
          <FormatInput value={format} onChange={setFormat} />
          <TextInput
            label="Name or start of the key"
            placeholder="Any"
            value={q}
            onChange={(event) => setSearch(event.currentTarget.value)}
            error={problem('params.q')}
            maxLength={200}
            autoComplete="off"
          />
          <Select
            label="Status"
            placeholder="Any"
            data={['active', 'expired', 'revoked']}
            value={status}
            onChange={setStatus}
            clearable
          />
          <Select
            label="Environment"
            placeholder="Any"
            data={environments}
            value={environment}
            onChange={setEnvironment}
            clearable
          />
          {accounts.length > 0 && (
            <Select
              label="Service account"
              placeholder="Any"
              data={accounts.map(({ id, name }) => ({ value: id, label: name }))}
              value={owner}
              onChange={setOwner}
              clearable
              searchable
            />
          )}
        </>
      )}
    </Form>
  )
}

/** Orders a file with rows of the request log. */
export function ExportRequests({ organizationId, onClose, onOrdered }: Props) {
  const order = useOrder(organizationId)
  const [format, setFormat] = useState<Format>('csv')
  const [range, setRange] = useState({ range: '24h', since: '', until: '' })
  const [keyId, setKeyId] = useState('')
  const [route, setRoute] = useState('')
  const [status, setStatus] = useState<number | string>('')
  const run = async (): Promise<void> => {
    const params = {
      format,
      ...rangeQuery(range),
      ...(keyId.trim() !== '' && { key_id: keyId.trim() }),
      ...(route.trim() !== '' && { route: route.trim() }),
      ...(status !== '' && { status: Number(status) }),
    }
    onOrdered(await order({ type: 'request_export', params }))
  }
  return (
    <Form action="Export" run={run} onCancel={onClose}>
      {(problem) => (
        <>
          <Text size="sm" className="quiet">
            Rows of this organization’s request log, newest first, at most a million. No header and no body is in them.
          </Text>
          <FormatInput value={format} onChange={setFormat} />
          <Input.Wrapper label="Time" labelElement="div">
            <Stack gap="xs">
              <TimeRange {...range} onChange={setRange} />
            </Stack>
          </Input.Wrapper>
          <TextInput
            label="Key id"
            placeholder="Any: key_…"
            value={keyId}
            onChange={(event) => setKeyId(event.currentTarget.value)}
            error={problem('params.key_id')}
            maxLength={64}
            autoComplete="off"
            spellCheck={false}
            classNames={{ input: 'mono' }}
          />
          <TextInput
            label="Route"
            description="As it stands in the configuration."
            placeholder="Any: /projects/*"
            value={route}
            onChange={(event) => setRoute(event.currentTarget.value)}
            error={problem('params.route')}
            maxLength={2000}
            autoComplete="off"
            spellCheck={false}
            classNames={{ input: 'mono' }}
          />
          <NumberInput
            label="Answered with"
            placeholder="Any status"
            value={status}
            onChange={setStatus}
            error={problem('params.status')}
            min={0}
            max={599}
            allowDecimal={false}
            hideControls
          />
        </>
      )}
    </Form>
  )
}

function FormatInput({ value, onChange }: { value: Format; onChange: (format: Format) => void }) {
  return (
    <Input.Wrapper label="Format" labelElement="div">
      <SegmentedControl
        display="flex"
        w="fit-content"
        aria-label="Format"
        data={[
          { value: 'csv', label: 'CSV' },
          { value: 'jsonl', label: 'JSON lines' },
        ]}
        value={value}
        onChange={(format) => onChange(format as Format)}
      />
    </Input.Wrapper>
  )
}
