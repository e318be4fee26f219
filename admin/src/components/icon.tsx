/** Line icons of our own, 24 × 24. For people who do not see them the text beside says it. */
const shapes = {
  overview: 'M4 20V10M10 20V4M16 20v-7M22 20H2',
  key: 'M15 9a5 5 0 1 0-4.6 5L13 16.5V19h2.5v2.5H19V17l-4.4-4.4A5 5 0 0 0 15 9ZM9 8.5h.01',
  requests: 'M4 6h16M4 12h16M4 18h10',
  explain: 'M6 4v10a3 3 0 0 0 3 3h9M14 13l4 4-4 4M6 4h.01',
  robot: 'M7 9h10a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-6a2 2 0 0 1 2-2ZM12 9V5M9 13v2M15 13v2',
  box: 'M12 3l8 4.5v9L12 21l-8-4.5v-9L12 3ZM12 12l8-4.5M12 12v9M12 12L4 7.5',
  people: 'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM2 21a7 7 0 0 1 14 0M16 3.5a4 4 0 0 1 0 7M22 21a7 7 0 0 0-5-6.7',
  webhook: 'M10 13a5 5 0 0 0 7.5.5l3-3a5 5 0 0 0-7-7l-1.7 1.7M14 11a5 5 0 0 0-7.5-.5l-3 3a5 5 0 0 0 7 7l1.7-1.7',
  jobs: 'M12 7v5l3 3M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z',
  events: 'M5 4h11l3 3v13H5V4ZM9 9h6M9 13h6M9 17h4',
  policy: 'M12 3l8 3v6c0 4.5-3.4 7.8-8 9-4.6-1.2-8-4.5-8-9V6l8-3ZM9 12l2 2 4-4',
  building: 'M5 21V4h9v17M14 9h5v12M8 8h3M8 12h3M8 16h3M3 21h18',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
  plus: 'M12 5v14M5 12h14',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M19 5l-1.4 1.4M6.4 17.6L5 19',
  moon: 'M20 14A8 8 0 1 1 10 4a7 7 0 0 0 10 10Z',
  out: 'M15 4h4v16h-4M10 8l-4 4 4 4M6 12h9',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM20 20l-4-4',
  chevron: 'M8 10l4 4 4-4',
  back: 'M15 6l-6 6 6 6',
  check: 'M5 13l4 4L19 7',
  cross: 'M6 6l12 12M18 6L6 18',
  pause: 'M9 5v14M15 5v14',
  play: 'M7 4l12 8-12 8V4Z',
  refresh: 'M20 11a8 8 0 1 0-2.3 6.3M20 4v7h-7',
  copy: 'M9 9h10v11H9V9ZM5 15V4h10',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7ZM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z',
  pencil: 'M4 20l1-4L16 5l3 3L8 19l-4 1Z',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  upload: 'M12 20V8M7 13l5-5 5 5M5 4h14',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  keyboard: 'M3 6h18v12H3V6ZM7 10h.01M12 10h.01M17 10h.01M8 14h8',
  warning: 'M12 4l9 16H3L12 4ZM12 10v4M12 17h.01',
} as const

export type IconName = keyof typeof shapes

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={shapes[name]} />
    </svg>
  )
}
