// A value that React components and plain modules can both watch.
import { useSyncExternalStore } from 'react';

export function createCell(initial) {
  let value = initial;
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      listeners.forEach((listener) => listener());
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useCell(cell) {
  return useSyncExternalStore(cell.subscribe, cell.get);
}
