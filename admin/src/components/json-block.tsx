import { Code } from '@mantine/core'

/** Something as JSON, to be read; as tall as the place allows. */
export const JsonBlock = ({ value, label }: { value: unknown; label: string }) => (
  <Code
    block
    tabIndex={0}
    aria-label={label}
    style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', maxHeight: 360, overflowY: 'auto' }}
  >
    {typeof value === 'string' ? value : JSON.stringify(value, null, 2)}
  </Code>
)
