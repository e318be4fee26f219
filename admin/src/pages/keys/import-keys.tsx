import { Button, Code, FileInput, Group, Modal, SegmentedControl, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { ErrorNote } from '../../components/error-note.tsx'
import { Icon } from '../../components/icon.tsx'
import { useSubmit } from '../../components/use-submit.ts'
import { useOrder } from './bulk.ts'

type Format = 'csv' | 'jsonl'

const examples: Record<Format, string> = {
  csv: 'name,scopes,expires_in_days,raw_key\nCI pipeline,projects:read runs:write,90,old_live_4tQ…',
  jsonl: '{"name": "CI pipeline", "scopes": ["projects:read"], "sha256": "9f86d0…", "key_prefix": "old_live_4tQ"}',
}

/** Brings keys in from elsewhere, by a job. What is read here stays in this component and goes with it. */
export function ImportKeys({
  organizationId,
  onClose,
  onOrdered,
}: {
  organizationId: string
  onClose: () => void
  onOrdered: (jobId: string) => void
}) {
  const order = useOrder(organizationId)
  const [format, setFormat] = useState<Format>('csv')
  const [file, setFile] = useState<File | null>(null)
  const [text, setText] = useState('')

  const pick = (picked: File | null): void => {
    setFile(picked)
    if (picked !== null) setFormat(/\.(?:jsonl|ndjson|json)$/i.test(picked.name) ? 'jsonl' : 'csv')
  }
  const { submit, busy, error } = useSubmit(async () => {
    if (file !== null && file.size > bytesMax) throw new Error('The file is larger than 30 MB. Bring it in in parts.')
    const data = file === null ? text : await file.text()
    onOrdered(await order({ type: 'key_import', params: { format, data } }))
  })

  return (
    <Modal opened onClose={onClose} title="Import keys" size="lg" closeOnClickOutside={false}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">
            Callers keep the keys that they have: give each as <span className="mono">raw_key</span>, which is hashed on
            arrival and kept nowhere, or as its <span className="mono">sha256</span> with{' '}
            <span className="mono">key_prefix</span>. A line with neither makes a new key.
          </Text>
          <SegmentedControl
            aria-label="Format"
            data={[
              { value: 'csv', label: 'CSV' },
              { value: 'jsonl', label: 'JSON lines' },
            ]}
            value={format}
            onChange={(value) => setFormat(value as Format)}
          />
          <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
            {examples[format]}
          </Code>
          <FileInput
            label="File"
            placeholder="Pick a file"
            accept=".csv,.jsonl,.ndjson,.json,text/csv,application/x-ndjson"
            leftSection={<Icon name="upload" size={16} />}
            value={file}
            onChange={pick}
            clearable
            data-autofocus
          />
          {file === null && (
            <Textarea
              label="Or paste the lines"
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              classNames={{ input: 'mono' }}
              autosize
              minRows={4}
              maxRows={12}
              spellCheck={false}
              autoComplete="off"
            />
          )}
          {error !== undefined && <ErrorNote error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={busy} disabled={file === null && text.trim() === ''}>
              Import
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** The server takes 32 MB of JSON, in which line ends and quotes are longer. */
const bytesMax = 30 * 1024 * 1024
