/** A path that breaks where its parts end, and not in the middle of a word. */
export const PathText = ({ path }: { path: string }) =>
  path.split(/(?=\/)/).map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of a text that does not change
    <span key={index} className="mono">
      {part}
      <wbr />
    </span>
  ))
