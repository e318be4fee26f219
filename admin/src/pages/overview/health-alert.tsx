import { Alert, List } from '@mantine/core'
import { troublesOf, useHealth } from './use-health.ts'

/** What is wrong with the gateway, where one looks first; nothing while all is well. */
export function HealthAlert() {
  const { data } = useHealth()
  const troubles = data === undefined ? [] : troublesOf(data)
  if (data === undefined || troubles.length === 0) return null
  return (
    <Alert
      color={data.ready ? 'yellow' : 'red'}
      title={data.ready ? 'Not everything is well' : 'This gateway is not ready'}
      role="alert"
    >
      <List size="sm" spacing={2}>
        {troubles.map((trouble) => (
          <List.Item key={trouble} style={{ overflowWrap: 'anywhere' }}>
            {trouble}
          </List.Item>
        ))}
      </List>
    </Alert>
  )
}
