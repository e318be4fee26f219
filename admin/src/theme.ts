import { createTheme, type MantineColorsTuple } from '@mantine/core'

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
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.45, blur: 2 } } },
    Tooltip: { defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: true } } },
    Table: { defaultProps: { verticalSpacing: 'xs', horizontalSpacing: 'md', highlightOnHover: true } },
    Badge: { defaultProps: { variant: 'light', radius: 'sm' } },
  },
})
