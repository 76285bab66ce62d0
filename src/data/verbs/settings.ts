import type { Services } from '../services.ts'

const IDLE_MAX_SILENCE = 'idle_max_silence_minutes'

/**
 * Sets how long ago a vehicle may have been heard of to be idle, for all instances.
 * @returns the value before, if it was another one; null else
 */
export async function setIdleMaxSilence({ prisma }: Services, minutes: number): Promise<number | null> {
  const where = { name: IDLE_MAX_SILENCE }
  const before = await prisma.setting.findUnique({ where })
  if (before?.value === minutes) return null
  await prisma.setting.upsert({ where, create: { ...where, value: minutes }, update: { value: minutes } })
  return before?.value ?? null
}
