import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

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

export const theme = createTheme({
  primaryColor: 'harbour',
  colors: { harbour },
  // 7 on white and 5 on dark have the contrast that text needs (WCAG AA).
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: { fontWeight: '600' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
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
    Badge: { defaultProps: { variant: 'light', radius: 'sm', tt: 'none' } },
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

/** White on it can be read. */
const redButton = {
  '--mantine-color-red-filled': 'var(--mantine-color-red-9)',
  '--mantine-color-red-filled-hover': '#b02525',
}

/** Where Mantine's own colours have less contrast than text needs. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...inWords,
    ...redButton,
    '--mantine-color-dimmed': 'var(--quiet)',
    '--mantine-color-error': '#c92a2a',
    '--mantine-color-placeholder': '#6b7280',
  },
  dark: {
    ...redButton,
    '--mantine-color-dimmed': 'var(--quiet)',
    '--mantine-color-anchor': 'var(--mantine-color-harbour-3)',
    '--mantine-color-error': 'var(--mantine-color-red-4)',
    '--mantine-color-placeholder': '#9a9a9a',
  },
})
