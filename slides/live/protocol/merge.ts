// Shared deck state travels as JSON merge patches (RFC 7396): null removes a key.
import type { JsonValue } from './generated'

export interface JsonObject { [key: string]: JsonValue }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object at a key, empty where there is none. */
export function objectAt(value: JsonValue | undefined, key: string): JsonObject {
  const inner = isObject(value) ? value[key] : undefined
  return isObject(inner) ? inner : {}
}

/** `target` with `patch` applied; `target` stays as it was. */
export function merge(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = { ...target }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      Reflect.deleteProperty(merged, key)
      continue
    }
    const before = merged[key]
    merged[key] = isObject(value) ? merge(isObject(before) ? before : {}, value) : value
  }
  return merged
}

/** The patch that turns `from` into `to`, or undefined where nothing differs. */
export function difference(from: JsonObject, to: JsonObject): JsonObject | undefined {
  const patch: JsonObject = {}
  for (const key of Object.keys(from)) {
    if (!(key in to))
      patch[key] = null
  }
  for (const [key, value] of Object.entries(to)) {
    const before = from[key]
    if (isObject(value) && isObject(before)) {
      const inner = difference(before, value)
      if (inner)
        patch[key] = inner
    }
    else if (JSON.stringify(before) !== JSON.stringify(value)) {
      patch[key] = value
    }
  }
  return Object.keys(patch).length > 0 ? patch : undefined
}
