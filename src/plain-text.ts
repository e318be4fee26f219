/**
 * What a name may be, of whatever: well-formed Unicode without control characters and line separators. In a log, a terminal
 * or a header one of those begins a line of its own or steers the reader; half a character is stored as another one.
 */
export const isPlainLine = (text: string): boolean => text.isWellFormed() && !control.test(text)

/** The same for descriptions and reasons, which may have several lines. */
export const isPlainText = (text: string): boolean => isPlainLine(text.replace(/[\t\n\r]/g, ' '))

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
