import { List, UnstyledButton } from '@mantine/core'
import type { Problem } from './code-lines.tsx'

/** Problems with their places; a click goes to the line, where the text is shown. */
export function ProblemList({ problems, onLine }: { problems: readonly Problem[]; onLine?: (line: number) => void }) {
  return (
    <List size="sm" spacing={4}>
      {problems.map((problem) => (
        <List.Item key={JSON.stringify(problem)} style={{ overflowWrap: 'anywhere' }}>
          <Place problem={problem} onLine={onLine} />
          {problem.path !== '' && <span className="mono">{problem.path} </span>}
          {problem.message}
        </List.Item>
      ))}
    </List>
  )
}

function Place({
  problem: { line, column },
  onLine,
}: {
  problem: Problem
  onLine: ((line: number) => void) | undefined
}) {
  if (line === null) return null
  const text = `Line ${line}${column === null ? '' : `:${column}`}`
  if (onLine === undefined) return <b>{text} </b>
  return (
    <UnstyledButton onClick={() => onLine(line)} fz="sm" fw={600} td="underline" mr={6} c="inherit">
      {text}
    </UnstyledButton>
  )
}
