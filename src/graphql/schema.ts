import { builder } from './builder.ts'
import './scalars.ts'
import './errors.ts'
import './fleet.ts'
import './vehicle.ts'
import './sharing.ts'
import './state.ts'
import './token.ts'
import './command.ts'
import './event.ts'

export const schema = builder.toSchema({ sortSchema: true })
