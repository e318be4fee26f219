import { Button, CopyButton, Group, Text } from '@mantine/core'
import { Card } from '../../components/card.tsx'
import { Icon } from '../../components/icon.tsx'
import { save } from '../../components/secret-once.tsx'
import { CodeLines } from './code-lines.tsx'
import type { Policy } from './use-policy.ts'

/** The text that is in force. */
export function FileTab({ policy: { yaml, file } }: { policy: Policy }) {
  return (
    <Card flush>
      <Group justify="space-between" px="md" py="sm" gap="xs">
        <Text size="sm" className="quiet">
          As it is in force. Secrets are left out; variables of the environment stand as they are written.
        </Text>
        <Group gap="xs">
          <CopyButton value={yaml}>
            {({ copied, copy }) => (
              <Button
                size="compact-sm"
                variant="subtle"
                onClick={copy}
                leftSection={<Icon name={copied ? 'check' : 'copy'} size={14} />}
              >
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
          <Button
            size="compact-sm"
            variant="subtle"
            onClick={() => save(yaml, file ?? 'gateway.yaml', 'application/yaml')}
            leftSection={<Icon name="download" size={14} />}
          >
            Download
          </Button>
        </Group>
      </Group>
      <div style={{ borderTop: '1px solid var(--line)' }}>
        <CodeLines text={yaml} label={`Configuration ${file ?? 'in force'}`} />
      </div>
    </Card>
  )
}
