import { ApolloProvider } from '@apollo/client/react'
import { useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Fleet } from './fleet.tsx'
import { signIn } from './session.ts'
import type { Session } from './session.ts'

function App() {
  const [session, setSession] = useState<Session | null>(null)
  const [fault, setFault] = useState<string | null>(null)
  if (session) {
    return (
      <ApolloProvider client={session.client}>
        <Fleet session={session} />
      </ApolloProvider>
    )
  }
  const submit = (data: FormData) =>
    signIn(data.get('url') as string, data.get('token') as string).then(setSession, (error: Error) =>
      setFault(error.message),
    )
  return (
    <form action={submit}>
      <label>
        Server <input name="url" defaultValue="http://127.0.0.1:4000" />
      </label>
      <label>
        Token <input name="token" />
      </label>
      <button>Sign in</button>
      {fault !== null && <p role="alert">{fault}</p>}
    </form>
  )
}

const root = document.getElementById('root')
if (root) createRoot(root).render(<App />)
