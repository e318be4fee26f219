import { Accordion, Stack, TagsInput, Textarea } from '@mantine/core'
import { fieldProblem } from '../../api/field-problem.ts'
import { type Limit, LimitInput } from './limit-input.tsx'
import { MetadataInput } from './metadata-input.tsx'

/** What most keys do without. */
export interface More {
  readonly description: string
  readonly ips: readonly string[]
  readonly limit: Limit
  readonly metadata: string
}

/** Folded away until somebody wants it, or something in it is wrong. */
export function MoreInputs({
  value,
  onChange,
  error,
}: {
  value: More
  onChange: (value: More) => void
  error: unknown
}) {
  const problem = (path: string) => fieldProblem(error, path)
  return (
    <Accordion
      variant="contained"
      multiple
      defaultValue={[
        ...(value.ips.length > 0 || value.limit.on ? ['restrict'] : []),
        ...(value.description !== '' || value.metadata !== '' ? ['describe'] : []),
      ]}
      order={3}
    >
      <Accordion.Item value="restrict">
        <Accordion.Control>Addresses and rate limit</Accordion.Control>
        <Accordion.Panel>
          <Stack>
            <TagsInput
              label="Allowed addresses"
              description="Addresses or networks, such as 203.0.113.7 or 10.0.0.0/8. None: it works from anywhere."
              placeholder={value.ips.length === 0 ? 'Type one, then Enter' : ''}
              value={[...value.ips]}
              onChange={(ips) => onChange({ ...value, ips })}
              splitChars={[',', ' ', ';']}
              maxTags={100}
              acceptValueOnBlur
              error={problem('allowed_ips')}
            />
            <LimitInput
              value={value.limit}
              onChange={(limit) => onChange({ ...value, limit })}
              error={problem('rate_limit')}
            />
          </Stack>
        </Accordion.Panel>
      </Accordion.Item>
      <Accordion.Item value="describe">
        <Accordion.Control>Description and metadata</Accordion.Control>
        <Accordion.Panel>
          <Stack>
            <Textarea
              label="Description"
              value={value.description}
              onChange={(event) => onChange({ ...value, description: event.currentTarget.value })}
              maxLength={1000}
              error={problem('description')}
              autosize
              minRows={2}
              maxRows={6}
            />
            <MetadataInput
              value={value.metadata}
              onChange={(metadata) => onChange({ ...value, metadata })}
              error={problem('metadata')}
            />
          </Stack>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  )
}
