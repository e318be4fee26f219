import { Alert, Stack } from '@mantine/core'
import { useMe } from '../api/session.tsx'
import { Page } from '../components/page.tsx'
import { PasswordCard } from './account/password-card.tsx'
import { ProfileCard } from './account/profile-card.tsx'
import { SessionsCard } from './account/sessions-card.tsx'
import { TokensCard } from './account/tokens-card.tsx'

/** One's own account: name and password, where one is logged in, and tokens for scripts. */
export default function AccountPage() {
  const me = useMe()
  return (
    <Page title="Your account" about={me.email ?? 'The token of the instance.'}>
      {me.id === null ? (
        <Alert color="yellow" title="The token of the instance is nobody in particular">
          It has no name, password or sessions. Log in as yourself to have an account.
        </Alert>
      ) : (
        <Stack gap="lg" maw={960}>
          <ProfileCard />
          <PasswordCard />
          <SessionsCard />
          <TokensCard />
        </Stack>
      )}
    </Page>
  )
}
