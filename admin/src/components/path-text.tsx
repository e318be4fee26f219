import { Fragment } from 'react'

/** A path that breaks where its parts end, and not in the middle of a word. */
export const PathText = ({ path }: { path: string }) => (
  <span className="mono">
    {path.split(/(?=\/)/).map((part, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of a text that does not change
      <Fragment key={index}>
        {index > 0 && <wbr />}
        {part}
      </Fragment>
    ))}
  </span>
)
