import { Text } from '@mantine/core'
import { memo, useEffect, useRef } from 'react'
import type { Schema } from '../../api/client.ts'
import { highlight, type Kind } from './highlight.ts'

export type Problem = Schema<'PolicyProblem'>

const colours: Readonly<Record<Kind, string | undefined>> = {
  comment: 'var(--quiet)',
  key: 'light-dark(var(--mantine-color-harbour-9), var(--mantine-color-harbour-3))',
  text: 'var(--good)',
  value: 'var(--warn)',
  variable: 'light-dark(var(--mantine-color-grape-9), var(--mantine-color-grape-3))',
  plain: undefined,
}

/** Lines in one piece: those out of sight cost nothing. */
const pieceLines = 100
/** In a file that is longer than this colours would make the page slow. */
const colouredMax = 4000

/** A file with numbered lines, and what is wrong with a line below it. */
export const CodeLines = memo(function CodeLines({
  text,
  label,
  problems = [],
  maxHeight = '70vh',
}: {
  text: string
  label: string
  problems?: readonly Problem[]
  maxHeight?: string
}) {
  const lines = text.replace(/\n$/, '').split('\n')
  const byLine = Map.groupBy(problems, ({ line }) => line)
  const pieces = Array.from({ length: Math.ceil(lines.length / pieceLines) }, (_, index) => index * pieceLines)
  const frame = useRef<HTMLElement>(null)
  const [first] = [...byLine.keys()].filter((line) => line !== null).sort((one, other) => one - other)
  // To the first one, in the frame alone: the page stays where it is.
  useEffect(() => {
    const line = frame.current?.querySelector<HTMLElement>(`[data-line="${first}"]`)
    if (frame.current !== null && line != null) {
      frame.current.scrollTop += line.getBoundingClientRect().top - frame.current.getBoundingClientRect().top - 80
    }
  }, [first])
  return (
    <section
      ref={frame}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      className="mono"
      style={{ overflow: 'auto', maxHeight, lineHeight: `${lineHeight}px`, tabSize: 2, fontSize: 13 }}
    >
      <div style={{ minWidth: 'max-content', padding: '8px 0' }}>
        {pieces.map((from) => (
          <div
            key={from}
            style={
              lines.length > 5 * pieceLines
                ? { contentVisibility: 'auto', containIntrinsicSize: `auto ${pieceLines * lineHeight}px` }
                : undefined
            }
          >
            {lines.slice(from, from + pieceLines).map((line, index) => {
              const number = from + index + 1
              return (
                <Line
                  key={number}
                  number={number}
                  text={line}
                  isColoured={lines.length <= colouredMax}
                  problems={byLine.get(number) ?? nothing}
                />
              )
            })}
          </div>
        ))}
      </div>
    </section>
  )
})

const lineHeight = 20
const nothing: readonly Problem[] = []

const Line = memo(function Line({
  number,
  text,
  isColoured,
  problems,
}: {
  number: number
  text: string
  isColoured: boolean
  problems: readonly Problem[]
}) {
  const isWrong = problems.length > 0
  return (
    <div
      data-line={number}
      style={isWrong ? { background: 'var(--mantine-color-red-light)', scrollMarginTop: 80 } : undefined}
    >
      <div style={{ display: 'flex' }}>
        <span aria-hidden className="numbers" style={numberStyle}>
          {number}
        </span>
        <span style={{ whiteSpace: 'pre', paddingRight: 16 }}>
          {isColoured
            ? highlight(text).map(({ kind, text: part }, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: parts of a line that does not change
                <span key={index} style={{ color: colours[kind] }}>
                  {part}
                </span>
              ))
            : text}
          {text === '' && ' '}
        </span>
      </div>
      {problems.map(({ column, message, path }) => (
        <Text key={`${column} ${message}`} size="xs" c="var(--mantine-color-error)" fw={600} pl={64} pb={4} role="note">
          {column !== null && `Column ${column}: `}
          {path !== '' && `${path} `}
          {message}
        </Text>
      ))}
    </div>
  )
})

const numberStyle = {
  ...({ width: 52, flexShrink: 0, paddingRight: 12, textAlign: 'right', color: 'var(--quiet)' } as const),
  userSelect: 'none',
} as const
