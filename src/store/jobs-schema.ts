/** The tables of jobs; as the others in schema.ts. */
export interface JobTables {
  jobs: JobsTable
  job_parts: JobPartsTable
}

export interface JobsTable {
  id: string
  organization_id: string
  type: string
  status: string
  progress: number
  total: number | null
  /** Id of the actor. */
  created_by: string | null
  created_at: number
  started_at: number | null
  completed_at: number | null
  updated_at: number
  error_message: string | null
  output_parts: number
  output_bytes: number
  cancel_requested: number
  /** Names the claim; null where nobody has the job, or its runner gave it back. */
  lease_token: string | null
  lease_ends_at: number | null
  lost: number
  actor_type: string
  request_id: string | null
  params: string
  checkpoint: string | null
  result: string | null
}

interface JobPartsTable {
  /** `<job>.<kind>.<number>` */
  id: string
  job_id: string
  kind: string
  created_at: number
  data: string
}
