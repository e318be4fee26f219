import { Failure } from '../failure.ts'
import type { OpenApiDocument } from './document.ts'
import { markedSpans, marksOf } from './gateway-file.ts'
import type { GatewayFile } from './merge.ts'
import { comment } from './route-lines.ts'

/** The line above imported routes: from which document they come. */
export const header = (document: OpenApiDocument): string =>
  `${nameOf(document)}${headerEnd}; limits, workspace and the like that you add to a route are kept`

/**
 * Documents are told apart by the names of their files, and many are called openapi.yaml: none must take the place of another
 * without a word.
 * @throws Failure when the lines that would be replaced come from a document of another title.
 */
export function refuseOther({ text, marks }: GatewayFile, document: OpenApiDocument): void {
  const [before] = markedSpans(text, marks)
    .flatMap(({ from, to }) => text.slice(from, to).split(/\r?\n/))
    .map((line) => line.trim())
    .filter((line) => line.startsWith('# ') && line.includes(headerEnd))
    .map((line) => line.slice(2, line.indexOf(headerEnd)))
  if (before === undefined || isSame(before, document)) return
  const fileName = marks.begin.slice(marksOf('').begin.length)
  throw new Failure(
    `the lines of ${fileName} in the file come from ${JSON.stringify(before)}, and this is ${JSON.stringify(nameOf(document))}. To have both, give this document's file another name; to replace the other, remove the comment "# ${before}${headerEnd} …" first`,
  )
}

/** The version, one word behind the title, may be another. */
function isSame(before: string, document: OpenApiDocument): boolean {
  const title = comment(document.title).slice(2)
  if (before === title || before === comment(nameOf(document)).slice(2)) return true
  return title !== '' && before.startsWith(`${title} `) && !before.slice(title.length + 1).includes(' ')
}

const nameOf = ({ title, version }: OpenApiDocument): string =>
  [title, version].filter((part) => part !== '').join(' ') || 'Untitled'

const headerEnd = '. The next import replaces these lines'
