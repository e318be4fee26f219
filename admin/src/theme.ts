import { type CSSVariablesResolver, createTheme, type MantineColorsTuple, type MantineTheme } from '@mantine/core'

const harbour: MantineColorsTuple = [
  '#e9f4fd',
  '#d3e6f6',
  '#a6cbec',
  '#75afe2',
  '#4d97da',
  '#3488d5',
  '#2580d3',
  '#186ebc',
  '#0c61a9',
  '#005495',
]

/** The greys of the dark colours, with a little of the sea in them. */
const dark: MantineColorsTuple = [
  '#d5dbe4',
  '#a9b4c2',
  '#8491a2',
  '#5d6a7b',
  '#2f3945',
  '#262f3a',
  '#1a2028',
  '#151a21',
  '#0f1318',
  '#0a0d11',
]

export const theme = createTheme({
  primaryColor: 'harbour',
  colors: { harbour, dark },
  // 7 on white and 5 on dark have the contrast that text needs (WCAG AA).
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 'md',
  fontFamily: '-apple-system, BlinkMacSystemFont, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '600', sizes: { h2: { fontSize: '1.5rem' } } },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { fw: 500 } },
    Drawer: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    Modal: {
      defaultProps: {
        closeButtonProps: { 'aria-label': 'Close' },
        centered: true,
        overlayProps: { backgroundOpacity: 0.45, blur: 2 },
      },
    },
    Tooltip: { defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: true } } },
    Table: { defaultProps: { verticalSpacing: 'xs', horizontalSpacing: 'md', highlightOnHover: true } },
    Badge: { defaultProps: { variant: 'light', radius: 'sm', tt: 'none', fw: 600 } },
    // The focus goes to the first entry; an empty element between would be one that a menu must not have.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
  },
})

/** Words in a colour, on white and on the light shade of the same: dark enough to be read (WCAG AA, at least 5.5 : 1). */
const words = {
  ...{ teal: '#066649', green: '#1f6b2d', blue: '#1756a0', harbour: '#005495', grape: '#862e9c' },
  ...{ orange: '#8f3a00', yellow: '#7a4300', red: '#a51111', gray: '#495057' },
}

const inWords = Object.fromEntries(
  Object.entries(words).flatMap(([name, colour]) =>
    ['text', 'light-color', 'outline'].map((use) => [`--mantine-color-${name}-${use}`, colour]),
  ),
)

/** Behind words in a colour: on dark a breath of it, not a block. */
const darkShades = (colors: MantineTheme['colors']): Record<string, string> =>
  Object.fromEntries(
    [...Object.keys(words)].flatMap((name) => {
      const shades = colors[name] ?? harbour
      return [
        [`--mantine-color-${name}-light`, `${shades[5]}26`],
        [`--mantine-color-${name}-light-hover`, `${shades[5]}3d`],
        [`--mantine-color-${name}-light-color`, name === 'gray' ? shades[4] : shades[3]],
        [`--mantine-color-${name}-outline`, name === 'gray' ? shades[5] : shades[4]],
      ]
    }),
  )

/** White on it can be read. */
const redButton = {
  '--mantine-color-red-filled': 'var(--mantine-color-red-9)',
  '--mantine-color-red-filled-hover': '#b02525',
}

/** Where Mantine's own colours have less contrast than text needs. */
export const variables: CSSVariablesResolver = ({ colors }) => ({
  variables: {},
  light: {
    ...inWords,
    ...redButton,
    '--mantine-color-dimmed': 'var(--quiet)',
    '--mantine-color-error': '#c92a2a',
    '--mantine-color-placeholder': '#6b7280',
  },
  dark: {
    ...darkShades(colors),
    ...redButton,
    '--mantine-color-dimmed': 'var(--quiet)',
    '--mantine-color-anchor': 'var(--mantine-color-harbour-3)',
    '--mantine-color-error': 'var(--mantine-color-red-4)',
    '--mantine-color-placeholder': '#8491a2',
  },
})
