import { CopyButton, Tooltip, UnstyledButton } from '@mantine/core'
import { Icon } from './icon.tsx'

/** Something short that people paste elsewhere; a click copies it. `shown`: where less than all is to be seen. */
export function CopyText({
  text,
  shown = text,
  label = 'Copy',
  truncate = false,
}: {
  text: string
  shown?: string
  label?: string
  /** What does not fit is cut off. */
  truncate?: boolean
}) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label}>
          <UnstyledButton
            onClick={(event) => {
              event.stopPropagation()
              copy()
            }}
            className={truncate ? 'copy-text cut' : 'copy-text'}
            aria-label={`${label}: ${shown}`}
          >
            <span className="mono">{shown}</span>
            <span className="copy-mark">
              <Icon name={copied ? 'check' : 'copy'} size={13} />
            </span>
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  )
}
