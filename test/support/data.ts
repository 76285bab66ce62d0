import { createClient } from '../../src/data/client.ts'
import type { Client } from '../../src/data/client.ts'
import { openDatabase } from '../../src/data/database/open.ts'
import type { DatabaseSettings } from '../../src/data/database/open.ts'
import { createServices } from '../../src/data/create-services.ts'
import type { Services } from '../../src/data/services.ts'

/** The data layer without a server. */
export type Data = { readonly prisma: Client; readonly services: Services; readonly close: () => Promise<void> }

export async function openData(settings: DatabaseSettings): Promise<Data> {
  const connection = await openDatabase(settings)
  const services = await createServices(connection)
  const close = async () => {
    services.stop()
    await connection.close()
  }
  return { prisma: createClient(services), services, close }
}
