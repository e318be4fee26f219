import { CopyButton, Tooltip, UnstyledButton } from '@mantine/core'

/** Something short that people paste elsewhere; a click copies it. `shown`: where less than all is to be seen. */
export function CopyText({ text, shown = text, label = 'Copy' }: { text: string; shown?: string; label?: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label}>
          <UnstyledButton
            onClick={(event) => {
              event.stopPropagation()
              copy()
            }}
            className="mono"
            aria-label={`${label}: ${shown}`}
          >
            {shown}
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  )
}
