import { Button } from '@mantine/core'
import { Link } from 'wouter'
import type { ApiError } from '../../api/client.ts'
import { Door } from '../../components/door.tsx'
import { ErrorNote } from '../../components/error-note.tsx'

/** Somebody is logged in, was sent to single sign-on once more as a proof, and came back without one. */
export const NotProven = ({ error }: { error: ApiError }) => (
  <Door title="Still logged in, not proven">
    <ErrorNote error={error} />
    {/* The start page leads to where this was begun. */}
    <Button component={Link} href="/">
      Go on where you were
    </Button>
  </Door>
)
