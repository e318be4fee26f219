/** What the API behind every subject answers: 114 bytes of JSON, about what a small object of a real API weighs. */
export const upstreamBody =
  '{"id":"prj_01hzx3v9k2","name":"Quarterly accessibility audit","status":"active","runs":42,"owner":"team-platform"}'
