import { Alert, Button, FileButton, Group, Stack, Textarea } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type DragEvent, useRef, useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { Card } from '../../components/card.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { Icon } from '../../components/icon.tsx'
import { CodeLines } from './code-lines.tsx'
import type { Policy } from './use-policy.ts'
import { Verdict } from './verdict.tsx'

/** What the server takes. */
const bytesMax = 1024 * 1024

/** Another file, judged before it is live. The text stays on this page: it may hold secrets. */
export function TryTab({ policy }: { policy: Policy }) {
  const [text, setText] = useState('')
  const [complaint, setComplaint] = useState('')
  const [over, setOver] = useState(false)
  const reset = useRef<() => void>(null)
  const lines = useRef<HTMLDivElement>(null)
  const check = useMutation({
    mutationFn: (yaml: string) => ok(api.POST('/platform/policy/validate', { body: { yaml } })),
    gcTime: 0,
  })
  const judged: Schema<'PolicyVerdict'> | undefined = check.variables === text ? check.data : undefined

  const take = async (file: File | null | undefined): Promise<void> => {
    reset.current?.()
    if (file == null) return
    if (file.size > bytesMax) return setComplaint(`${file.name} is larger than 1 MB, which no configuration may be.`)
    const read = await file.text()
    if (read.includes('\0')) return setComplaint(`${file.name} is not text.`)
    setComplaint('')
    setText(read)
    check.mutate(read)
  }
  const onDrop = (event: DragEvent): void => {
    event.preventDefault()
    setOver(false)
    void take(event.dataTransfer.files[0])
  }

  return (
    <Stack>
      <Card
        title="Try a file"
        about="Paste a configuration or drop its file here. You see its problems, its tests and what would be different. Nothing changes."
      >
        <Stack gap="sm">
          {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is one way more; the button beside is for all */}
          <div
            onDragOver={(event) => {
              event.preventDefault()
              setOver(true)
            }}
            onDragLeave={() => setOver(false)}
            onDrop={onDrop}
          >
            <Textarea
              aria-label="Configuration to try"
              placeholder={'routes:\n  - path: /api/v1/*\n    …'}
              value={text}
              onChange={(event) => {
                setText(event.currentTarget.value)
                setComplaint('')
              }}
              rows={12}
              spellCheck={false}
              autoComplete="off"
              wrap="off"
              styles={{
                input: {
                  ...{ fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13, whiteSpace: 'pre' },
                  ...{
                    resize: 'vertical',
                    outline: over ? '2px dashed var(--mantine-primary-color-filled)' : undefined,
                  },
                },
              }}
            />
          </div>
          {complaint !== '' && (
            <Alert color="red" role="alert">
              {complaint}
            </Alert>
          )}
          <Group justify="space-between" gap="xs">
            <Group gap="xs">
              <FileButton
                resetRef={reset}
                onChange={(file) => void take(file)}
                accept=".yaml,.yml,text/yaml,application/yaml"
              >
                {(props) => (
                  <Button {...props} variant="default" leftSection={<Icon name="upload" size={16} />}>
                    Choose a file
                  </Button>
                )}
              </FileButton>
              <Button variant="subtle" onClick={() => setText(policy.yaml)}>
                Begin with what is in force
              </Button>
            </Group>
            <Button
              onClick={() => check.mutate(text)}
              loading={check.isPending}
              disabled={text.trim() === '' || new Blob([text]).size > bytesMax}
            >
              Check
            </Button>
          </Group>
        </Stack>
      </Card>
      {check.isError && check.variables === text && <ErrorNote error={check.error} retry={() => check.mutate(text)} />}
      {judged !== undefined && (
        <>
          <Verdict
            verdict={judged}
            file={policy.file}
            onLine={(line) =>
              lines.current?.querySelector(`[data-line="${line}"]`)?.scrollIntoView({ block: 'center' })
            }
          />
          {judged.problems.length + judged.warnings.length > 0 && (
            <Card title="On their lines" flush>
              <div ref={lines} style={{ borderTop: '1px solid var(--line)' }}>
                <CodeLines
                  text={text}
                  label="The configuration that was tried, with its problems"
                  problems={[...judged.problems, ...judged.warnings]}
                />
              </div>
            </Card>
          )}
        </>
      )}
    </Stack>
  )
}
