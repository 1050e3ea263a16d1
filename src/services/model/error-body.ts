/** Returns the body of an error response in the format that OpenAI's clients parse. */
export const errorBody = (status: number, message: string, code: string | null = null): object => ({
  error: { type: errorType(status), message, param: null, code },
});

function errorType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}
