export const e = (n: number): string => (n === 1 ? "" : "e");
export const en = (n: number): string => (n === 1 ? "" : "en");
export const n = (count: number): string => (count === 1 ? "" : "n");
